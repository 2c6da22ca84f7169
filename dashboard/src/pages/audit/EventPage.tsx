import { type AuditEvent, GetAuditEvent } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useOrganization } from '@/app/organization'
import { ErrorPage } from '@/ui/ErrorPage'
import { PageHead } from '@/ui/Page'
import table from '@/ui/table.module.css'
import { exact } from '@/ui/times'
import { UpTitle } from '@/ui/UpTitle'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'
import { actorInWords } from './actors'
import css from './audit.module.css'
import type { Question } from './auditFilter'
import { OutcomeMark } from './outcome'

const route = getRouteApi('/o/$organization/audit/$event')

/** One row of the audit log: all that is known of it. */
export function EventPage() {
  const { event: uid } = route.useParams()
  const { client, name, key } = useOrganization()
  const event = useQuery({
    queryKey: [...key, 'audit-event', uid],
    queryFn: ({ signal }) => client.call(GetAuditEvent, { name: `${name}/auditEvents/${uid}` }, { signal }),
    // What is written is never changed.
    staleTime: Number.POSITIVE_INFINITY,
  })
  useTitle(event.data?.action ?? '', 'Audit log')
  if (event.error) return <ErrorPage error={event.error} onRetry={event.refetch} />
  if (!event.data) return <p className={table.aside}>Reading …</p>
  return <Shown event={event.data} />
}

function Shown({ event }: { event: AuditEvent }) {
  const up = (
    <Link from="/o/$organization/audit/$event" to="/o/$organization/audit">
      Audit log
    </Link>
  )
  return (
    <>
      <PageHead title={<UpTitle up={up}>{event.action}</UpTitle>}>
        <p className={css.told}>
          <OutcomeMark outcome={event.outcome} />
          {event.reason && <span className="mono">{event.reason}</span>}
          {event.time && <time dateTime={event.time}>{exact(event.time)}</time>}
        </p>
      </PageHead>
      <div className={css.event}>
        <section>
          <h2>Who</h2>
          <Values values={whoOf(event)} />
        </section>
        <section>
          <h2>What</h2>
          <Values values={whatOf(event)} />
        </section>
        <section>
          <h2>The record</h2>
          <Values values={recordOf(event)} />
        </section>
      </div>
    </>
  )
}

function whoOf({ actor }: AuditEvent) {
  return {
    Name: actorInWords(actor),
    Subject: actor?.subject && <More question={{ who: actor.subject }}>{actor.subject}</More>,
    Through: actor?.peer && <span className="mono">{actor.peer}</span>,
    Address: actor?.address && <span className="mono">{actor.address}</span>,
    Client: actor?.userAgent,
  }
}

function whatOf({ action, method, resource, changedFields }: AuditEvent) {
  return {
    Action: <More question={{ what: action }}>{action}</More>,
    Method: method && <span className="mono">{method}</span>,
    Resource: resource && <More question={{ on: resource }}>{resource}</More>,
    Changed: changedFields.join(', '),
  }
}

function recordOf(event: AuditEvent) {
  return {
    By: event.workspace ? (
      <More question={{ where: event.workspace }}>workspace {idOf(event.workspace)}</More>
    ) : (
      'the control plane'
    ),
    Request: event.requestId && <span className="mono">{event.requestId}</span>,
    Trace: event.traceId && <span className="mono">{event.traceId}</span>,
    Row: `${event.sequence} of ${event.chain}`,
    Hash: <span className="mono">{event.hash}</span>,
  }
}

/** To all rows that have this in common. */
function More({ question, children }: { question: Question; children: React.ReactNode }) {
  return (
    <Link
      from="/o/$organization/audit/$event"
      to="/o/$organization/audit"
      search={question}
      className={`mono ${css.more}`}
      title="All rows with it"
    >
      {children}
    </Link>
  )
}
