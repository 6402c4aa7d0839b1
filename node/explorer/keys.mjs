// The keyboard: `/` searches, up and down walk the rows of tables, left and right turn to the neighbour of what is shown.

const ROW_LINKS = 'main tbody tr > td:first-child a, main tbody tr > td:first-child button';

/** Listens to the whole document. */
export function listen(field) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, select, textarea')) {
      if (event.key === 'Escape') event.target.blur();
      return;
    }
    if (act(event.key, field)) event.preventDefault();
  });
}

function act(key, field) {
  switch (key) {
    case '/':
      field.select();
      field.focus();
      return true;
    case 'ArrowDown':
      return walk(1);
    case 'ArrowUp':
      return walk(-1);
    case 'ArrowLeft':
      return follow('prev');
    case 'ArrowRight':
      return follow('next');
    default:
      return false;
  }
}

// Without a row in focus the arrows keep scrolling, except that down from the top enters the first table.
function walk(step) {
  const links = [...document.querySelectorAll(ROW_LINKS)];
  const at = links.indexOf(document.activeElement);
  const target = at === -1 ? (step === 1 && scrollY === 0 ? links[0] : undefined) : links[at + step];
  target?.focus();
  return target !== undefined;
}

function follow(relation) {
  const link = document.querySelector(`main a[rel=${relation}]`);
  link?.click();
  return link !== null;
}
