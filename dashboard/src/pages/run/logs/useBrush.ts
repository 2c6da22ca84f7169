import type { Run } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { duration } from '@/ui/times'
import { spanOf } from '../timeline/span'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

export type Brush = { since: string; until: string; words: string; clear: () => void }

/** The part of the run that is in sight in its timeline, which the address has: logs show its lines alone. */
export function useBrush(run: Run): Brush | undefined {
  const { span: text } = route.useSearch()
  const navigate = route.useNavigate()
  const span = spanOf(text)
  if (!span) return undefined
  const start = Date.parse(run.createTime ?? '')
  return {
    since: new Date(span.from).toISOString(),
    until: new Date(span.until).toISOString(),
    words: `${duration(span.from - start)} to ${duration(span.until - start)} of the run`,
    clear: () => void navigate({ search: (now) => ({ ...now, span: undefined }), replace: true }),
  }
}
