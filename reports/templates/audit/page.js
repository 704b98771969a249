const audit = JSON.parse(document.getElementById("audit").textContent);
const cards = [...document.querySelectorAll(".suspect")];
const filters = document.getElementById("filters").elements;
const key = "influence-bench audit " + JSON.stringify([audit.data, audit.label, audit.rows]);

// What was decided, by row; a decision about a label that has changed since, or that is no class, is none.
let decisions = {}, lasting = true;
try { decisions = { ...JSON.parse(localStorage.getItem(key)) }; } catch { lasting = false; }
const given = (card) => audit.classes[card.dataset.given];
const decision = (card) => {
  const { choice, label, given: before } = decisions[card.dataset.row] ?? {};
  const sound = before === given(card) && (choice === "keep" || choice === "drop" || (choice === "fix" && audit.classes.includes(label)));
  return sound ? { choice, label } : null;
};

const quoted = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const csv = () => {
  const decided = cards.filter(decision).sort((a, b) => a.dataset.row - b.dataset.row);
  const lines = decided.map((card) => {
    const { choice, label } = decision(card);
    return `${card.dataset.row},${choice},${choice === "fix" ? quoted(label) : ""}\n`;
  });
  return "row,decision,label\n" + lines.join("");
};

const decide = (card, choice, label) => {
  decisions[card.dataset.row] = { choice, label, given: given(card) };
  try { localStorage.setItem(key, JSON.stringify(decisions)); lasting = true; } catch { lasting = false; }
  show(card);
  count();
};

// The labels to choose from are many times as many as the cards: a card gets them when it is to be fixed.
const labels = (card) => {
  let select = card.querySelector("select");
  if (!select) {
    select = document.createElement("select");
    select.setAttribute("aria-label", `Right label of row ${card.dataset.row}`);
    select.append(...audit.classes.map((name, position) => new Option(name, position)));
    select.value = card.dataset.suggested;
    select.onchange = () => decide(card, "fix", audit.classes[select.value]);
    card.querySelector(".choices").append(select);
  }
  return select;
};
const choose = (card, choice) =>
  decide(card, choice, choice === "fix" ? audit.classes[labels(card).value] : "");
const show = (card) => {
  const { choice, label } = decision(card) ?? {};
  card.querySelectorAll("input").forEach((input) => { input.checked = input.value === choice; });
  if (choice === "fix") labels(card).value = audit.classes.indexOf(label);
  const select = card.querySelector("select");
  if (select) select.hidden = choice !== "fix";
};
const count = () => {
  const made = cards.map(decision).filter(Boolean), of = (choice) => made.filter((one) => one.choice === choice).length;
  const parts = made.length ? `: ${of("keep")} kept, ${of("fix")} fixed, ${of("drop")} dropped` : "";
  const warning = lasting ? "" : ". This browser does not store them: save before you leave";
  document.getElementById("count").textContent = `${made.length} of ${cards.length} decided${parts}${warning}`;
  document.getElementById("save").disabled = !made.length;
};

const texts = new Map(cards.map((card) => [card, card.querySelector(".what").textContent.toLowerCase()]));
const matches = (card) =>
  (filters.given.value === "" || filters.given.value === card.dataset.given) &&
  (filters.suggested.value === "" || filters.suggested.value === card.dataset.suggested) &&
  !(filters.undecided.checked && decision(card)) &&
  texts.get(card).includes(filters.text.value.trim().toLowerCase());
const filter = () => {
  cards.forEach((card) => { card.hidden = !matches(card); });
  document.getElementById("none").hidden = cards.some((card) => !card.hidden);
};

// A decided row stays in sight until the reader moves on, so that a slip can be seen and a label chosen.
const move = (card, forward) => {
  const at = cards.indexOf(card);
  const next = forward ? cards.slice(at + 1).find(matches) : cards.slice(0, Math.max(at, 0)).findLast(matches);
  if (!next) return;
  filter();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
};
const CHOICES = { k: "keep", f: "fix", d: "drop" }, MOVES = { j: true, n: true, p: false };
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("select, input:not([type=radio])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const card = event.target.closest(".suspect"), name = event.key.toLowerCase();
  if (name in MOVES) move(card, MOVES[name]);
  else if (name in CHOICES && card) choose(card, CHOICES[name]);
  else return;
  event.preventDefault();
});

cards.forEach((card) => {
  show(card);
  card.querySelector(".options").onchange = (event) => choose(card, event.target.value);
});
filters.text.form.oninput = filter;
filters.text.form.onsubmit = () => false;
document.getElementById("save").onclick = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = "decisions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
filter();
count();
