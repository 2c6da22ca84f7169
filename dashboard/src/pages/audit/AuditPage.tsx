import { type AuditEvent, ExportAuditEvents } from '@contract/controlplane'
import { getRouteApi } from '@tanstack/react-router'
import { useMayHere, useOrganization } from '@/app/organization'
import { ButtonLink } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { useTitle } from '@/ui/useTitle'
import { AuditFilters } from './AuditFilters'
import { COLUMNS } from './columns'
import { useAuditEvents } from './useAuditEvents'
import { Verify } from './Verify'

const route = getRouteApi('/o/$organization/audit')
const keyOf = (event: AuditEvent) => event.name

/** Who did, or was refused, what: by the control plane's word, and by that of every workspace. */
export function AuditPage() {
  const question = route.useSearch()
  const navigate = route.useNavigate()
  const list = useAuditEvents(question)
  const actions = [...new Set(list.items.map(({ action }) => action))].sort()
  useTitle('Audit log')
  return (
    <>
      <PageHead title="Audit log" actions={<Actions />}>
        <AuditFilters
          key={JSON.stringify(question)}
          question={question}
          onAsk={(asked) => void navigate({ search: asked })}
          actions={actions}
        />
      </PageHead>
      <PagedTable
        label="Audit log"
        list={list}
        columns={COLUMNS}
        keyOf={keyOf}
        onOpen={({ uid }) =>
          void navigate({
            to: '/o/$organization/audit/$event',
            params: (now) => ({ ...now, event: uid }),
            search: {},
          })
        }
        empty={
          <EmptyState
            icon="search"
            title="Nothing of that kind is recorded"
            command="weft audit list --since 24h"
          />
        }
      />
    </>
  )
}

function Actions() {
  const { client, name, id } = useOrganization()
  const may = useMayHere()
  return (
    <>
      {may('auditEvents.verify') && <Verify />}
      {may('auditEvents.export') && (
        <ButtonLink href={client.address(ExportAuditEvents, { parent: name })} download={`audit-${id}.jsonl`}>
          <Icon name="download" /> Export all
        </ButtonLink>
      )}
    </>
  )
}
