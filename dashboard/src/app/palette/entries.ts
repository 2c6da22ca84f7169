// What palettes everywhere offer.
import { setTheme, THEME_LABELS, THEMES } from '../theme'
import type { Entry } from './matching'

export function entryOf(kind: string, label: string, act: () => void): Entry {
  return { id: `${kind} ${label}`, kind, label, act }
}

export function themeEntries(): Entry[] {
  return THEMES.map((theme) => entryOf('Colours', THEME_LABELS[theme], () => setTheme(theme)))
}

export function copyEntry(label: string, text: string): Entry {
  return entryOf('Copy', label, () => void navigator.clipboard.writeText(text))
}
