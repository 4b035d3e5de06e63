"use strict";
// The page's table is the data: a row says in its attributes what to pick to get at it, and what
// comes of it. Nothing is made of text here, so nothing in a text can be taken for markup.
const rows = [...document.querySelectorAll("tbody tr")];
const fields = [...document.querySelectorAll("#picker select")];
const answer = document.getElementById("answer");
const byId = (id) => document.getElementById(id);

const told = (row) => row.querySelector(".chosen small, .nothing small").textContent;
const outcome = (row) => row.dataset.chosen || told(row);

function offer(select, texts) {
  const before = select.value;
  select.replaceChildren(...texts.map((text) => new Option(text)));
  if (texts.includes(before)) select.value = before;
}

function pick() {
  let left = rows;
  for (const select of fields) {
    // The machine itself is asked for only where system, GPU and driver do not settle it.
    const settled = select.name === "machine" && new Set(left.map(outcome)).size < 2;
    select.parentElement.hidden = settled;
    if (settled) break;
    const texts = left.map((row) => row.dataset[select.name]);
    offer(select, [...new Set(texts)]);
    left = left.filter((row) => row.dataset[select.name] === select.value);
  }
  show(left[0]);
}

function show(row) {
  const chosen = row.dataset.chosen;
  answer.classList.toggle("nothing", !chosen);
  for (const block of answer.querySelectorAll("[data-variant]")) {
    block.hidden = block.dataset.variant !== chosen;
    block.querySelector(".told").textContent = told(row);
  }
  byId("like").textContent = row.dataset.machine;
}

if (rows.length) {
  for (const select of fields) select.addEventListener("change", pick);
  pick();
  byId("pick").hidden = false;
  if (matchMedia("(max-width: 55rem)").matches) byId("list").open = false;
}
