// Searches the documentation in the page. The index is fetched when the field gets the focus.
const form = document.querySelector(".search");
const input = form.querySelector("input");
const list = form.querySelector("ul");
const maxFound = 12;

let loading;
/** Returns the search over all entries, which is made once. */
function search() {
  loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load() {
  const [{ default: MiniSearch }, entries] = await Promise.all([
    import(form.dataset.library),
    fetch(form.dataset.index).then((response) => response.json()),
  ]);
  const words = /[^\p{L}\p{N}]+|(?<=\p{Ll})(?=\p{Lu})/u;
  const index = new MiniSearch({
    fields: ["title", "text"],
    // A name is found by its parts and as a whole: `addNote` by `note` and by `addnote`.
    tokenize: (text) => [...text.split(words), ...text.split(/[^\p{L}\p{N}]+/u)],
    searchOptions: {
      prefix: true,
      fuzzy: 0.2,
      combineWith: "AND",
      boost: { title: 4 },
      tokenize: (text) => text.split(/[^\p{L}\p{N}]+/u),
    },
  });
  index.addAll(entries.map((entry, id) => ({ id, ...entry })));
  return (query) => {
    const boostDocument = (id) => (entries[id].title.includes(".") ? 1 : 3) * (hasPhrase(entries[id], query) ? 3 : 1);
    return index
      .search(query, { boostDocument })
      .slice(0, maxFound)
      .map(({ id, terms }) => ({ ...entries[id], text: excerpt(entries[id].text, [query, ...terms]) }));
  };
}

/** Whether an entry has what was typed as it is, such as `If-Match`, rather than its words somewhere. */
function hasPhrase({ title, text }, query) {
  return `${title}\n${text}`.toLowerCase().includes(query.toLowerCase());
}

const shownBefore = 30;
const shownLength = 160;

/** Returns the part of a text that is seen: its beginning, or what stands around the first of `sought` that it has. */
function excerpt(text, sought) {
  const lower = text.toLowerCase();
  const place = sought.map((each) => lower.indexOf(each.toLowerCase())).find((index) => index >= 0) ?? 0;
  if (place <= shownBefore) return text.slice(0, shownLength);
  const start = text.indexOf(" ", place - shownBefore);
  return `… ${text.slice(Math.min(start + 1, place), place + shownLength)}`;
}

/** An option is no link, because the field keeps the focus. It leads to its entry all the same. */
function option({ title, kind, text, href }, index) {
  const item = document.createElement("li");
  item.id = `found-${index}`;
  item.role = "option";
  item.dataset.href = href;
  const name = document.createElement("strong");
  name.textContent = title;
  const about = document.createElement("span");
  about.textContent = text === "" ? kind : `${kind}. ${text}`;
  item.append(name, about);
  return item;
}

function show(items) {
  list.replaceChildren(...items);
  list.hidden = items.length === 0;
  input.setAttribute("aria-expanded", String(items.length > 0));
  input.removeAttribute("aria-activedescendant");
}

/** Marks an option as the one that Enter follows. */
function choose(item) {
  for (const each of list.children) each.setAttribute("aria-selected", String(each === item));
  if (item === undefined) return;
  input.setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
}

const chosen = () => list.querySelector('[aria-selected="true"]');

function follow(item) {
  if (item?.dataset.href === undefined) return;
  show([]);
  location.assign(item.dataset.href);
}

function none(query) {
  const item = document.createElement("li");
  item.className = "none";
  item.role = "option";
  item.textContent = `Nothing is found for “${query}”.`;
  return item;
}

input.addEventListener("focus", () => void search());
async function update() {
  const query = input.value.trim();
  const find = await search();
  if (query !== input.value.trim()) return;
  const found = query === "" ? [] : find(query);
  show(query !== "" && found.length === 0 ? [none(query)] : found.map(option));
  if (found.length > 0) choose(list.firstElementChild);
}
input.addEventListener("input", () => void update());
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return show([]);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || list.children.length === 0) return;
  event.preventDefault();
  const all = [...list.children];
  choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  follow(chosen());
});
form.addEventListener("focusout", (event) => {
  if (!form.contains(event.relatedTarget)) show([]);
});
// A pointer would take the focus away before the click.
list.addEventListener("mousedown", (event) => event.preventDefault());
list.addEventListener("click", (event) => follow(event.target.closest("li")));
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(input|textarea|select)$/i.test(document.activeElement?.tagName ?? "")) return;
  event.preventDefault();
  input.focus();
});

/** A link to a field of Query or Mutation shows its example. */
function openTarget() {
  const target = location.hash === "" ? null : document.getElementById(location.hash.slice(1));
  const example = target?.querySelector("details.example");
  if (example) example.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
