import { useSyncExternalStore } from 'react'

export const THEMES = ['system', 'light', 'dark', 'contrast'] as const
export type Theme = (typeof THEMES)[number]
export const THEME_LABELS: Record<Theme, string> = {
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
  contrast: 'High contrast',
}

const KEY = 'weft.theme'
const isDark = window.matchMedia('(prefers-color-scheme: dark)')
const wantsContrast = window.matchMedia('(prefers-contrast: more)')
const listeners = new Set<() => void>()

export function theme(): Theme {
  const kept = localStorage.getItem(KEY)
  return THEMES.find((each) => each === kept) ?? 'system'
}

export function setTheme(chosen: Theme): void {
  localStorage.setItem(KEY, chosen)
  applyTheme()
  for (const listener of listeners) listener()
}

/** Gives the page its colours; before anything is drawn, and whenever the system's change. */
export function applyTheme(): void {
  const chosen = theme()
  const system = wantsContrast.matches ? 'contrast' : isDark.matches ? 'dark' : 'light'
  document.documentElement.dataset.theme = chosen === 'system' ? system : chosen
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, theme)
}

isDark.addEventListener('change', applyTheme)
wantsContrast.addEventListener('change', applyTheme)
window.addEventListener('storage', applyTheme)
