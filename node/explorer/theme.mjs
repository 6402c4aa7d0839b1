// Light or dark: what the system prefers, until somebody presses the switch.

const KEY = 'plasma-theme';
const root = document.documentElement;

/** Lets a button switch to the other theme, and remembers it where that is allowed. */
export function switchBy(button) {
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    stored((storage) => storage.setItem(KEY, root.dataset.theme));
  });
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

// A browser may forbid storage; the switch then lasts as long as the page.
function stored(use) {
  try {
    return use(localStorage);
  } catch {
    return null;
  }
}

const chosen = stored((storage) => storage.getItem(KEY));
if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;
