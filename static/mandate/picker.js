// A field for people becomes a list that is searched as one types, and walked with the keys. Without this script, the
// words that one types are searched for when the form is sent.
"use strict";

(() => {
    function option(value, label) {
        const line = document.createElement("li");
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", "false");
        line.dataset.value = value;
        line.append(Object.assign(document.createElement("span"), { textContent: label }));
        return line;
    }

    function setUp(box) {
        const input = box.querySelector("input[type=search]");
        if (!input || box.dataset.ready) return;
        box.dataset.ready = "yes";
        const several = box.dataset.picker === "several";
        const list = box.querySelector(".m-picker-list");
        const told = box.querySelector("[role=status]");
        const name = input.name.replace(/_words$/, "");
        const fixed = [];
        // What stands when nothing is typed, and what has been chosen of late: a value and its words.
        let standing = { value: "", label: "" };
        let hidden = null;
        let active = null;
        let edited = false;

        if (!several) {
            const select = box.querySelector("select");
            hidden = Object.assign(document.createElement("input"), { type: "hidden", name });
            for (const each of select ? select.options : []) {
                if ("fixed" in each.dataset && (each.value || select.options.length > 1 && !each.text.endsWith("…"))) {
                    fixed.push({ value: each.value, label: each.text });
                }
                const offered = each.value || !each.text.endsWith("…");
                if (each.selected && offered) standing = { value: each.value, label: each.dataset.name || each.text };
            }
            if (select) {
                for (const attribute of ["aria-describedby", "aria-invalid"]) {
                    if (select.hasAttribute(attribute)) input.setAttribute(attribute, select.getAttribute(attribute));
                }
                input.id = select.id;
                input.removeAttribute("aria-label");
                select.replaceWith(hidden);
            } else {
                input.before(hidden);
            }
            hidden.value = standing.value;
            input.value = standing.label || input.dataset.words;
            edited = Boolean(input.value) && !standing.label;
        }
        input.setAttribute("role", "combobox");
        input.setAttribute("aria-autocomplete", "list");
        input.setAttribute("aria-expanded", "false");

        const options = () => [...list.querySelectorAll("[role=option]")];

        function mark(line) {
            if (active) active.setAttribute("aria-selected", "false");
            active = line;
            if (!line) return input.removeAttribute("aria-activedescendant");
            line.setAttribute("aria-selected", "true");
            line.scrollIntoView({ block: "nearest" });
            input.setAttribute("aria-activedescendant", line.id);
        }

        function close() {
            list.hidden = true;
            input.setAttribute("aria-expanded", "false");
            mark(null);
        }

        function open() {
            list.hidden = false;
            input.setAttribute("aria-expanded", "true");
            input.setAttribute("aria-controls", list.querySelector("[role=listbox]").id);
        }

        function fill() {
            const found = list.querySelector("[role=listbox]");
            if (!found) return;
            active = null;
            const words = edited ? input.value.trim().toLowerCase() : "";
            const before = fixed.filter((each) => each.label.toLowerCase().includes(words));
            found.prepend(...before.map((each, place) => {
                const line = option(each.value, each.label);
                line.id = `${found.id}_fixed_${place}`;
                return line;
            }));
            if (several) {
                for (const line of options()) {
                    if (box.querySelector(`input[type=checkbox][value="${CSS.escape(line.dataset.value)}"]:checked`)) line.remove();
                }
            }
            if (document.activeElement !== input) return;
            open();
            told.textContent = found.dataset.told;
        }

        function add(line) {
            const known = box.querySelector(`input[type=checkbox][value="${CSS.escape(line.dataset.value)}"]`);
            if (known) {
                known.checked = true;
            } else {
                const label = document.createElement("label");
                const tick = Object.assign(document.createElement("input"), { type: "checkbox", name, value: line.dataset.value, checked: true });
                label.append(tick, " ", line.querySelector("span").cloneNode(true));
                const entry = document.createElement("li");
                entry.append(label);
                box.querySelector(".m-picked").append(entry);
            }
            input.value = "";
            edited = false;
        }

        function choose(line) {
            const label = line.querySelector("span").textContent;
            if (several) {
                add(line);
            } else {
                standing = { value: line.dataset.value, label };
                hidden.value = standing.value;
                input.value = label;
                edited = false;
            }
            told.textContent = label;
            close();
            box.dispatchEvent(new Event("change", { bubbles: true }));
        }

        input.addEventListener("input", () => {
            edited = true;
            if (hidden) hidden.value = "";
        });
        // Before one types, the list shows everybody, and not only the one who stands there.
        input.addEventListener("htmx:configRequest", (event) => {
            if (!edited) event.detail.parameters[input.name] = "";
        });
        input.addEventListener("focus", () => input.select());
        list.addEventListener("htmx:afterSwap", fill);
        list.addEventListener("mousedown", (event) => event.preventDefault());
        list.addEventListener("click", (event) => {
            const line = event.target.closest("[role=option]");
            if (line) choose(line);
        });
        input.addEventListener("blur", () => {
            close();
            // Whoever empties the field and goes on keeps what stood there.
            if (hidden && edited && !input.value.trim() && standing.label) {
                hidden.value = standing.value;
                input.value = standing.label;
                edited = false;
            }
        });
        input.addEventListener("keydown", (event) => {
            const lines = options();
            const place = lines.indexOf(active);
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                if (!lines.length) return;
                if (list.hidden) open();
                const step = event.key === "ArrowDown" ? 1 : -1;
                mark(lines[place < 0 && step < 0 ? lines.length - 1 : (place + step + lines.length) % lines.length]);
            } else if (event.key === "Enter" && active && !list.hidden) {
                event.preventDefault();
                choose(active);
            } else if (event.key === "Escape" && !list.hidden) {
                event.preventDefault();
                close();
            }
        });
    }

    function setUpAll(root) {
        if (!window.htmx) return;
        for (const box of root.querySelectorAll("[data-picker]")) setUp(box);
    }

    document.addEventListener("htmx:load", (event) => setUpAll(event.target.parentNode || document));
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => setUpAll(document));
    else setUpAll(document);
})();
