// Adds a button to each block of code that copies it. Without this script the page is the same without the buttons.
for (const block of document.querySelectorAll("pre")) {
  const code = block.querySelector("code");
  if (code === null || navigator.clipboard === undefined) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", () => void copy(code, button));
  const frame = document.createElement("div");
  frame.className = "code";
  block.replaceWith(frame);
  frame.append(block, button);
  // A block that is wider than the page is scrolled by the keyboard too.
  if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
}

async function copy(code, button) {
  await navigator.clipboard.writeText(code.textContent.trimEnd());
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2_000);
}
