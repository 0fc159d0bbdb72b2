// What pages do beyond what works without a script: menus close, links are copied.
"use strict";

document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.m-menu[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
    }
});

document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.m-menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
    }
});

for (const field of document.querySelectorAll("input[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "m-button m-button-quiet";
    button.textContent = field.dataset.copy || "Copy";
    button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(field.value);
        button.textContent = field.dataset.copied || "Copied";
    });
    field.after(button);
}
