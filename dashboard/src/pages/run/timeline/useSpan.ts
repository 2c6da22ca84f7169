import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { moved, spanOf, spanText, within, zoomed } from './span'
import type { Span } from './timelineOf'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')
// Browsers refuse pages that write addresses as often as a wheel turns.
const REST_MS = 300

export type SpanControl = {
  span: Span
  isWhole: boolean
  show: (span: Span | undefined) => void
  zoom: (factor: number, place?: number) => void
  move: (part: number) => void
}

/** What is in sight: the whole, which grows, until somebody looks closer. The address has it too. */
export function useSpan(whole: Span): SpanControl {
  const { span: text } = route.useSearch()
  const navigate = route.useNavigate()
  const [chosen, choose] = useState(() => {
    const span = spanOf(text)
    return span && within(span, whole)
  })
  const written = chosen && spanText(chosen)
  useEffect(() => {
    if (written === text) return
    const timer = setTimeout(
      () => void navigate({ search: (now) => ({ ...now, span: written }), replace: true }),
      REST_MS,
    )
    return () => clearTimeout(timer)
  }, [written, text, navigate])
  const change = (to: (span: Span) => Span) =>
    choose((now) => {
      const next = to(now ?? whole)
      return next.from <= whole.from && next.until >= whole.until ? undefined : next
    })
  return {
    span: chosen ?? whole,
    isWhole: !chosen,
    show: choose,
    zoom: (factor, place) => change((now) => zoomed(now, whole, factor, place)),
    move: (part) => change((now) => moved(now, whole, part)),
  }
}
