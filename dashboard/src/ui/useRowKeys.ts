import { useEffect, useRef, useState } from 'react'
import { isTyping } from '@/app/useShortcuts'

type Keys = {
  count: number
  onMove: (at: number) => void
  onToggle: (at: number) => void
  onOpen: (at: number) => void
}

/** `j` and `k` walk over rows, `x` selects one, Enter opens it. Answers the row that they are at, or -1. */
export function useRowKeys(keys: Keys): number {
  const [at, setAt] = useState(-1)
  const latest = useRef({ ...keys, at })
  latest.current = { ...keys, at }
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return
      const { count, onMove, onToggle, onOpen, at: now } = latest.current
      const step = { j: 1, k: -1 }[event.key]
      if (step) {
        const next = Math.min(count - 1, Math.max(0, now + step))
        setAt(next)
        onMove(next)
      } else if (event.key === 'x' && now >= 0) onToggle(now)
      else if (event.key === 'Enter' && now >= 0 && !isOnControl(event)) onOpen(now)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  return at < keys.count ? at : -1
}

function isOnControl(event: KeyboardEvent): boolean {
  return !!(event.target as HTMLElement).closest('a, button')
}
