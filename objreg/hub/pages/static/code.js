// The code of a link is behind its "#": put it into its field, and out of the address bar and the history.
'use strict';

const field = document.querySelector('[data-code]');
const code = decodeURIComponent(window.location.hash.slice(1));
if (field && code) {
    field.value = code;
    window.history.replaceState(null, '', window.location.pathname);
    const next = Array.from(document.querySelectorAll('input, button')).find((one) => !one.value && one !== field);
    if (next) {
        next.focus();
    }
}
