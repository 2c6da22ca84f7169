import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { isTyping } from '../useShortcuts'
import type { KeyHelp } from './KeysDialog'

// Nobody needs it before it is asked for; the palettes neither.
const KeysDialog = lazy(async () => ({ default: (await import('./KeysDialog')).KeysDialog }))

type Props = { keys: KeyHelp; palette: (onClose: () => void) => ReactNode }
type Overlay = 'palette' | 'keys'

/** What lies over any page: the palette, by Ctrl or ⌘ and K, and the list of keys, by `?`. */
export function Overlays({ keys, palette }: Props) {
  const [open, setOpen] = useState<Overlay>()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const asked = overlayOf(event)
      // A dialog that asks something stays on top.
      if (!asked || document.querySelector('dialog[open]')) return
      event.preventDefault()
      setOpen(asked)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  const close = () => setOpen(undefined)
  return (
    <Suspense>
      {open === 'palette' && palette(close)}
      {open === 'keys' && <KeysDialog isOpen onClose={close} keys={keys} />}
    </Suspense>
  )
}

function overlayOf(event: KeyboardEvent): Overlay | undefined {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') return 'palette'
  return event.key === '?' && !isTyping(event) ? 'keys' : undefined
}
