import { useParams } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { NAV } from '../nav'
import { isTyping } from '../useShortcuts'
import type { KeyHelp } from './KeysDialog'

// Neither is needed before somebody asks for it.
const Palette = lazy(async () => ({ default: (await import('./Palette')).Palette }))
const KeysDialog = lazy(async () => ({ default: (await import('./KeysDialog')).KeysDialog }))

const PROJECT: KeyHelp = [
  ['Ctrl K', 'go to a page, run, pipeline or artifact, or do something'],
  ...NAV.map(({ key, label }) => [`g ${key}`, `go to ${label.toLowerCase()}`] as const),
]
const RUN: KeyHelp = [
  ['[  ]', 'previous and next step'],
  ['l', 'the log of the step, or of the run'],
  ['arrows', 'in the graph: walk along its lines; in the time line: earlier and later'],
  ['+  -  0', 'in the time line: look closer, less closely, at all of it'],
]

type Overlay = 'palette' | 'keys'

/** What lies over any page of a project: the palette, by Ctrl or ⌘ and K, and the list of keys, by `?`. */
export function ProjectOverlays() {
  const { run } = useParams({ strict: false })
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
      {open === 'palette' && <Palette isOpen onClose={close} />}
      {open === 'keys' && <KeysDialog isOpen onClose={close} keys={run ? [...RUN, ...PROJECT] : PROJECT} />}
    </Suspense>
  )
}

function overlayOf(event: KeyboardEvent): Overlay | undefined {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') return 'palette'
  return event.key === '?' && !isTyping(event) ? 'keys' : undefined
}
