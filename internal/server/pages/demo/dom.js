// The little that the views need to write into the page. All text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** Makes an element: properties as given, `class` and `data` among them, and children. */
export function el(tag, { class: className, data, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  if (className) node.className = className;
  Object.assign(node.dataset, data);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * Brings a list up to date and leaves what has not changed alone, so that focus, selection and what a
 * screen reader has read stay. A row is {key, mark, …}; it is made anew when its mark differs.
 */
export function keyed(list, rows, make) {
  const before = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let at = list.firstElementChild;
  for (const row of rows) {
    let node = before.get(row.key);
    before.delete(row.key);
    if (!node || node.mark !== row.mark) {
      const made = make(row);
      made.dataset.key = row.key;
      made.mark = row.mark;
      if (node === at) at = made;
      node?.replaceWith(made);
      node = made;
    }
    if (node === at) at = at.nextElementSibling;
    else list.insertBefore(node, at);
  }
  for (const node of before.values()) node.remove();
}

/** A round with a person's initial, in a colour of their own. */
export function avatar({ username = '', displayName = '?' } = {}) {
  let sum = 0;
  for (const char of username) sum = (sum * 31 + char.codePointAt(0)) % 997;
  const initial = [...displayName.trim()][0] ?? '?';
  return el('span', { class: `avatar hue-${sum % 8}`, ariaHidden: 'true', textContent: initial.toUpperCase() });
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const longDate = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

const daysAgo = (time) => Math.round((new Date().setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / 86_400_000);

export const timeOfDay = (time) => clock.format(new Date(time));

/** The time today, the weekday this week, else the date. */
export function shortTime(time) {
  const days = daysAgo(time);
  if (days === 0) return timeOfDay(time);
  return (days < 7 ? weekday : date).format(new Date(time));
}

/** Today, yesterday, or the date. */
export function dayName(time) {
  const days = daysAgo(time);
  return days === 0 ? 'Today' : days === 1 ? 'Yesterday' : longDate.format(new Date(time));
}
