import { type RefObject, useEffect, useRef } from 'react'
import { isTyping } from '@/app/useShortcuts'
import type { SpanControl } from './useSpan'

const CLOSER = 0.6
const WHEEL = 0.002

const ACTS = new Map<string, (control: SpanControl) => void>([
  ['+', ({ zoom }) => zoom(CLOSER)],
  ['=', ({ zoom }) => zoom(CLOSER)],
  ['-', ({ zoom }) => zoom(1 / CLOSER)],
  ['0', ({ show }) => show(undefined)],
  ['ArrowLeft', ({ move }) => move(-0.2)],
  ['ArrowRight', ({ move }) => move(0.2)],
])

/** `+`, `-`, `0` and arrows; the wheel with Ctrl, as pinching does, and sideways. */
export function useZoomKeys(area: RefObject<HTMLElement | null>, control: SpanControl): void {
  const latest = useRef(control)
  latest.current = control
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // The tabs of the step beside have arrows of their own.
      if (isTyping(event) || (event.target as HTMLElement).closest('[role=tablist]')) return
      const act = ACTS.get(event.key)
      if (!act) return
      event.preventDefault()
      act(latest.current)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  useEffect(() => {
    const element = area.current
    const onWheel = (event: WheelEvent) => {
      const axis = element?.querySelector('[data-axis]')?.getBoundingClientRect()
      const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY)
      if (!axis || !(event.ctrlKey || event.metaKey || isSideways)) return
      event.preventDefault()
      if (isSideways) latest.current.move(event.deltaX / axis.width)
      else latest.current.zoom(Math.exp(event.deltaY * WHEEL), (event.clientX - axis.left) / axis.width)
    }
    // React's own listener could not keep the browser from zooming the page.
    element?.addEventListener('wheel', onWheel, { passive: false })
    return () => element?.removeEventListener('wheel', onWheel)
  }, [area])
}
