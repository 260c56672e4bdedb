// The sheet that the stand-ins for wallets and banks show. Part of no provider's script.
'use strict';

/** What the page's visitor wants to happen: `paid`, `declined` or `authenticate`. */
window.sandboxOutcome = () => document.querySelector('input[name="outcome"]:checked').value;

/** PayPal's page, on which the payer's account pays or is declined as the visitor wants. */
window.sandboxPaypalPage = (url) => {
  const page = new URL(url);
  if (sandboxOutcome() === 'declined') page.searchParams.set('funding', 'declined');
  return page.href;
};

/** Shows a sheet and resolves to whether the payer agreed. */
window.sandboxSheet = (title, text, agree) => new Promise((resolve) => {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'sheet-title');
  const heading = Object.assign(document.createElement('h2'), { id: 'sheet-title', textContent: title });
  const words = Object.assign(document.createElement('p'), { textContent: text });
  const button = (label, kind, value) => {
    const made = Object.assign(document.createElement('button'), { type: 'button', textContent: label });
    made.className = `method ${kind}`;
    made.dataset.sheet = value ? 'agree' : 'cancel';
    made.onclick = () => dialog.close(String(value));
    return made;
  };
  dialog.append(heading, words, button(agree, 'wallet', true), button('Cancel', 'plain', false));
  dialog.onclose = () => { dialog.remove(); resolve(dialog.returnValue === 'true'); };
  document.body.append(dialog);
  dialog.showModal();
});

/** Shows a page of the sandbox in a sheet until `isOver` resolves to true; rejects if the payer closes it first. */
window.sandboxFrame = (title, url, isOver) => new Promise((resolve, reject) => {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'frame-title');
  const heading = Object.assign(document.createElement('h2'), { id: 'frame-title', textContent: title });
  const frame = Object.assign(document.createElement('iframe'), { src: url, title });
  const close = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Close', className: 'method plain close' });
  close.onclick = () => dialog.close();
  // Before the frame, so that it has the focus: a key that is pressed in the frame, like Escape, closes nothing here.
  dialog.append(heading, close, frame);
  document.body.append(dialog);
  let isDone = false;
  const look = setInterval(async () => {
    if (!isDone && await isOver().catch(() => false)) {
      isDone = true;
      dialog.close();
    }
  }, 400);
  dialog.onclose = () => {
    clearInterval(look);
    dialog.remove();
    if (isDone) resolve();
    else reject(new Error('The payer closed the sheet.'));
  };
  dialog.showModal();
});
