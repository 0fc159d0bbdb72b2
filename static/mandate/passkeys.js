// Forms that a passkey fills in. What the browser is to be asked stands in the form, or is fetched from its address.
"use strict";

const options = async (form) => {
    const told = form.querySelector('script[type="application/json"]');
    if (told) return JSON.parse(told.textContent);
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return answer.json();
};

const make = async (form) => {
    const { creation_options: asked } = await options(form);
    const alone = form.elements.passwordless.checked;
    const wanted = asked.publicKey.authenticatorSelection;
    wanted.residentKey = alone ? "required" : "discouraged";
    wanted.requireResidentKey = alone;
    if (alone) wanted.userVerification = "required";
    return webauthnJSON.create(asked);
};

const use = async (form) => webauthnJSON.get((await options(form)).request_options);

for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!webauthnJSON.supported()) continue;
    const failed = form.querySelector(".m-error[hidden]");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        failed.hidden = true;
        try {
            const credential = await (form.dataset.passkey === "add" ? make(form) : use(form));
            form.elements.credential.value = JSON.stringify(credential);
            form.submit();
        } catch {
            failed.hidden = false;
        }
    });
}
