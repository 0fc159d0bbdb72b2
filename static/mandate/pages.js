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

// What is typed into a list's search filters at once; leaving the field afterwards must not load the list once more, and
// with it forget who was ticked meanwhile.
document.addEventListener("change", (event) => {
    const form = event.target.closest("form.m-filters[hx-get]");
    if (form && event.target === form.querySelector("input")) event.stopPropagation();
}, true);

// One box ticks all of its page, and follows them.
function offerAll() {
    for (const every of document.querySelectorAll("input[data-select-all]")) {
        every.hidden = false;
    }
}

document.addEventListener("change", (event) => {
    const every = event.target.closest("input[data-select-all]");
    const form = event.target.form;
    if (every) {
        for (const box of form.querySelectorAll(`input[name="${every.dataset.selectAll}"]`)) box.checked = every.checked;
    } else if (event.target.type === "checkbox" && form) {
        const above = form.querySelector(`input[data-select-all="${event.target.name}"]`);
        const boxes = [...form.querySelectorAll(`input[name="${event.target.name}"]`)];
        if (above) above.checked = boxes.every((box) => box.checked);
    }
});
document.addEventListener("htmx:afterSettle", offerAll);
offerAll();
