import type { AuditEvent } from '@contract/controlplane'
import { Link } from '@tanstack/react-router'
import { exact } from '@/ui/times'
import type { Column } from '@/ui/VirtualTable'
import { actorInWords } from './actors'
import { OutcomeMark } from './outcome'

const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

export const COLUMNS: Column<AuditEvent>[] = [
  {
    id: 'time',
    label: 'Time',
    width: '184px',
    cell: ({ time = '' }) => (
      <time dateTime={time} title={exact(time)} className="numbers">
        {SHORT.format(new Date(time))}
      </time>
    ),
  },
  {
    id: 'actor',
    label: 'Who',
    width: 'minmax(150px, 1fr)',
    cell: ({ actor }) => <span title={actor?.subject}>{actorInWords(actor)}</span>,
  },
  {
    id: 'action',
    label: 'Did what',
    width: 'minmax(210px, 1.4fr)',
    cell: (event) => <EventLink event={event} />,
  },
  {
    id: 'resource',
    label: 'To what',
    width: 'minmax(195px, 1.3fr)',
    cell: ({ resource }) => <Resource resource={resource} />,
  },
  {
    id: 'outcome',
    label: 'How it ended',
    width: '150px',
    cell: ({ outcome }) => <OutcomeMark outcome={outcome} />,
  },
]

function EventLink({ event: { uid, action } }: { event: AuditEvent }) {
  return (
    <Link
      from="/o/$organization/audit"
      to="/o/$organization/audit/$event"
      params={{ event: uid }}
      className="mono"
      data-row
    >
      {action}
    </Link>
  )
}

function Resource({ resource }: { resource: string }) {
  if (!resource) return <span className="quiet">–</span>
  return (
    <span className="mono" title={resource}>
      {resource}
    </span>
  )
}
