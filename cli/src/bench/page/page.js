"use strict";
const tip = document.getElementById("tip");

// Shows what an element says, beside the pointer or, by keyboard, beside the element.
function show(element, x, y) {
  tip.textContent = element.getAttribute("aria-label");
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(x + 14, innerWidth - width - 8);
  const below = y + 18;
  tip.style.left = Math.max(8, left) + "px";
  tip.style.top = (below + height > innerHeight - 8 ? y - height - 12 : below) + "px";
}

function hide() {
  tip.hidden = true;
}

for (const element of document.querySelectorAll(".row, .point")) {
  // The browser's own tooltip would be a second one.
  element.querySelector("title").remove();
  element.addEventListener("pointermove", event => show(element, event.clientX, event.clientY));
  element.addEventListener("pointerleave", hide);
  element.addEventListener("focus", () => {
    if (!element.matches(":focus-visible")) return;
    const box = element.getBoundingClientRect();
    show(element, box.left + Math.min(box.width / 2, 240), box.top + box.height / 2);
  });
  element.addEventListener("blur", hide);
}
addEventListener("scroll", hide, { passive: true });
addEventListener("keydown", event => event.key === "Escape" && hide());

// Moves the rows of a chart into another order; the mean stays where it is.
function order(chart, by) {
  const rows = [...chart.querySelectorAll(".row")];
  const places = rows.map(row => row.getAttribute("transform"));
  const isMean = row => row.classList.contains("mean");
  const sign = by === "best" ? -1 : 1;
  const sorted = rows.filter(row => !isMean(row)).sort((a, b) => sign * (a.dataset[by] - b.dataset[by]));
  [...rows.filter(isMean), ...sorted].forEach((row, place) => {
    row.setAttribute("transform", places[place]);
    chart.append(row);
  });
}

const choice = document.getElementById("order");
choice.hidden = false;
choice.querySelector("select").addEventListener("change", event => {
  for (const chart of document.querySelectorAll(".bars")) order(chart, event.target.value);
});
