// Looks at a page as it is drawn, and returns what is wrong with it, in sentences.
const faults = [];
const root = document.documentElement;
const isSeen = (el) => el.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const isHiddenText = (el) => el.closest(".an, .skip") !== null;
const name = (el) => {
  const words = (el.innerText || el.textContent || el.getAttribute("aria-label") || "").trim().slice(0, 50);
  return `<${el.tagName.toLowerCase()}${el.id ? "#" + el.id : ""}${typeof el.className === "string" && el.className ? "." + el.className.split(" ").join(".") : ""}> “${words}”`;
};

// Nothing scrolls sideways but a box that is made for it.
if (root.scrollWidth > window.innerWidth) {
  faults.push(`scrolls sideways: ${root.scrollWidth} > ${window.innerWidth}`);
  for (const el of document.body.querySelectorAll("*")) {
    if (el.getBoundingClientRect().right > window.innerWidth + 1 && isSeen(el) && !el.closest(".cuon, .an, svg")) {
      faults.push(`  sticks out: ${name(el)}`);
      break;
    }
  }
}

// Nothing is cut off: no box that hides what does not fit, no words wider than their button or heading.
for (const el of document.body.querySelectorAll("*")) {
  if (isHiddenText(el) || el.closest("svg") || !isSeen(el)) { continue; }
  const style = getComputedStyle(el);
  const isTight = el.matches("h1, h2, h3, button, .nut, .tt, .nhan-nho, .moi-truong, summary, label, dt, dd");
  const isWide = el.scrollWidth > el.clientWidth + 1 && el.clientWidth > 0 && style.display !== "inline";
  if (isWide && (isTight || style.overflowX === "hidden" || style.overflowX === "clip")) {
    faults.push(`cut off: ${name(el)} is ${el.scrollWidth} wide in ${el.clientWidth}`);
  }
  if (style.overflowY === "hidden" && el.scrollHeight > el.clientHeight + 1) {
    faults.push(`cut off: ${name(el)} is ${el.scrollHeight} high in ${el.clientHeight}`);
  }
}
for (const field of document.querySelectorAll("input[placeholder]")) {
  if (!isSeen(field) || field.value) { continue; }
  const pen = document.createElement("canvas").getContext("2d");
  const style = getComputedStyle(field);
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  if (pen.measureText(field.placeholder).width > room + 1) { faults.push(`cut off: “${field.placeholder}” in ${name(field)}`); }
}

// Drawings: words stay inside, do not lie on each other, and can be read.
for (const drawing of document.querySelectorAll("svg")) {
  if (!isSeen(drawing)) { continue; }
  const frame = drawing.getBoundingClientRect();
  const words = [...drawing.querySelectorAll("text")].filter((el) => el.textContent.trim());
  const boxes = words.map((el) => el.getBoundingClientRect());
  words.forEach((el, i) => {
    const box = boxes[i];
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) {
      faults.push(`drawn outside: “${el.textContent.trim()}”`);
    }
    const size = parseFloat(getComputedStyle(el).fontSize) * (drawing.getScreenCTM()?.a ?? 1);
    if (size < 9) { faults.push(`too small to read: “${el.textContent.trim()}” at ${size.toFixed(1)} px`); }
    for (let other = i + 1; other < boxes.length; other += 1) {
      const b = boxes[other];
      const across = Math.min(box.right, b.right) - Math.max(box.left, b.left);
      const down = Math.min(box.bottom, b.bottom) - Math.max(box.top, b.top);
      if (across > 2 && down > 4) { faults.push(`lie on each other: “${el.textContent.trim()}” and “${words[other].textContent.trim()}”`); }
    }
  });
}

// Targets of at least 24 px, or as much room around them (WCAG 2.2, 2.5.8); links within a sentence are exempt.
const targets = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((el) => isSeen(el) && !isHiddenText(el) && !el.disabled)
  .map((el) => ({ el, box: el.getBoundingClientRect() }))
  .filter(({ box }) => box.width > 0);
const isSmall = ({ box }) => box.width < 23.5 || box.height < 23.5;
const isInSentence = (el) => getComputedStyle(el).display.startsWith("inline")
  && [...el.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim().length > 1);
const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
for (const target of targets) {
  if (!isSmall(target) || isInSentence(target.el)) { continue; }
  const [x, y] = middle(target.box);
  const near = targets.find((other) => {
    if (other === target || other.el.contains(target.el) || target.el.contains(other.el)) { return false; }
    const [ox, oy] = middle(other.box);
    if (isSmall(other)) { return Math.hypot(ox - x, oy - y) < 24; }
    const dx = Math.max(other.box.left - x, 0, x - other.box.right);
    const dy = Math.max(other.box.top - y, 0, y - other.box.bottom);
    return Math.hypot(dx, dy) < 12;
  });
  if (near) { faults.push(`small target: ${name(target.el)} ${target.box.width.toFixed(0)}×${target.box.height.toFixed(0)} beside ${name(near.el)}`); }
}

// Contrast of every text with what it stands on.
const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const known = new Map();
const colour = (words) => {
  if (!known.has(words)) {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = words; pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    known.set(words, [r, g, b, a / 255]);
  }
  return known.get(words);
};
const light = ([r, g, b]) => {
  const part = (c) => { const v = c / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const ground = (el) => {
  for (let at = el; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found[3] > 0.99) { return found; }
  }
  return [255, 255, 255, 1];
};
const seen = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const el = node.parentElement;
  if (!node.textContent.trim() || !isSeen(el) || isHiddenText(el) || el.closest("svg, option")) { continue; }
  const [ink, paper] = [colour(getComputedStyle(el).color), ground(el)];
  const pair = `${ink} ${paper}`;
  if (seen.has(pair)) { continue; }
  seen.add(pair);
  const [one, two] = [light(ink), light(paper)];
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  if (ratio < 4.5) { faults.push(`contrast ${ratio.toFixed(2)}: ${name(el)}`); }
}

// The frame of every page.
if (document.querySelectorAll("h1").length !== 1) { faults.push(`${document.querySelectorAll("h1").length} headings of the first rank`); }
if (!document.title.includes(" · ")) { faults.push(`title “${document.title}”`); }
return faults;
