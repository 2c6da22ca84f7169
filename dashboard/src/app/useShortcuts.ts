import { useNavigate, useParams } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { NAV } from './nav'

const TOGETHER_MS = 1000

/** Whether a key was meant for a field, and not for the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement
  return (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    !!target.closest('input, textarea, select, dialog, [role=menu]')
  )
}

/** `g` and a letter go to a page of the side bar. */
export function useShortcuts(): void {
  const params = useParams({ from: '/w/$workspace/p/$project' })
  const navigate = useNavigate()
  useGoKeys(NAV, ({ to }) => void navigate({ to, params }))
}

/** Goes to an entry when `g` and its key are pressed one after the other. */
export function useGoKeys<E extends { key: string }>(entries: readonly E[], go: (entry: E) => void): void {
  const pressed = useRef(0)
  const latest = useRef(go)
  latest.current = go
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return
      const entry = entries.find(({ key }) => key === event.key)
      const isSecond = event.timeStamp - pressed.current < TOGETHER_MS
      pressed.current = event.key === 'g' ? event.timeStamp : 0
      if (!entry || !isSecond) return
      event.preventDefault()
      latest.current(entry)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [entries])
}
