import { Mark } from './Mark'
import { ago, duration, exact } from './times'
import { useNow } from './useNow'

/** When something was, from now; exactly, on a pointer. */
export function Ago({ time }: { time?: string | undefined }) {
  const now = useNow()
  if (!time) return <span className="quiet">–</span>
  return (
    <time dateTime={time} title={exact(time)} className="numbers">
      {ago(time, now)}
    </time>
  )
}

/** How long something took, or takes so far. */
export function Took({ start, end }: { start?: string | undefined; end?: string | undefined }) {
  const now = useNow(!!start && !end)
  if (!start) return <span className="quiet">–</span>
  return <span className="numbers">{duration((end ? Date.parse(end) : now) - Date.parse(start))}</span>
}

/** The day on which something ends; a mark once it has. */
export function Ends({ time }: { time?: string | undefined }) {
  if (!time) return <span className="quiet">Never</span>
  if (Date.parse(time) <= Date.now()) return <Mark word="Ended" icon="square" tone="mute" />
  return (
    <time dateTime={time} title={exact(time)}>
      {new Date(time).toLocaleDateString(undefined, { dateStyle: 'medium' })}
    </time>
  )
}
