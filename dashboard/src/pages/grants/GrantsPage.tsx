import { DeleteRoleBinding, ListRoleBindings, type RoleBinding } from '@contract/controlplane'
import { Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { idOf } from '@/api/session'
import { useChange, useMayHere, useOrganization } from '@/app/organization'
import { placeInWords, useDirectory } from '@/app/subjects'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { MenuItem } from '@/ui/Menu'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { RowMenu } from '@/ui/RowMenu'
import { exact } from '@/ui/times'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { GrantDialog } from './GrantDialog'

const keyOf = (grant: RoleBinding) => grant.name

/** Who holds which role where. */
export function GrantsPage() {
  const may = useMayHere()
  const [isGranting, setGranting] = useState(false)
  const [leaving, setLeaving] = useState<RoleBinding>()
  const list = useGrants()
  const columns = useColumns(setLeaving)
  useTitle('Grants')
  const grant = may('roleBindings.create') && (
    <Button kind="primary" onClick={() => setGranting(true)}>
      <Icon name="plus" /> Grant a role
    </Button>
  )
  return (
    <>
      <PageHead title="Grants" actions={grant} />
      <PagedTable
        label="Grants"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState
            icon="shield"
            title="Nobody holds anything that you may see"
            command="weft grants create --subject ada@example.com --role viewer --on workspaces/lab"
          />
        }
      />
      <GrantDialog isOpen={isGranting} onClose={() => setGranting(false)} />
      <TakeBackDialog grant={leaving} onClose={() => setLeaving(undefined)} />
    </>
  )
}

function useGrants() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent: name, pageSize: 500, pageToken }
      const page = await client.call(ListRoleBindings, request, { signal })
      return { items: page.roleBindings, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged([...key, 'grants'], read)
}

function useColumns(onLeave: (grant: RoleBinding) => void): Column<RoleBinding>[] {
  const { wordsOf } = useDirectory()
  const may = useMayHere()
  const canTake = may('roleBindings.delete')
  return useMemo(
    () => [
      {
        id: 'subject',
        label: 'Who',
        width: 'minmax(220px, 1.4fr)',
        cell: ({ subject }) => <Named>{wordsOf(subject)}</Named>,
      },
      {
        id: 'role',
        label: 'Role',
        width: 'minmax(110px, 1fr)',
        cell: (grant) => <RoleLink role={grant.role} />,
      },
      {
        id: 'place',
        label: 'Where',
        width: 'minmax(200px, 1.6fr)',
        cell: ({ resource }) => <span title={resource}>{placeInWords(resource)}</span>,
      },
      {
        id: 'until',
        label: 'Until',
        width: '190px',
        cell: ({ expireTime }) =>
          expireTime ? (
            <time dateTime={expireTime}>{exact(expireTime)}</time>
          ) : (
            <span className="quiet">for good</span>
          ),
      },
      {
        id: 'actions',
        label: 'Actions',
        width: '52px',
        cell: (grant) =>
          canTake && (
            <RowMenu label={`What to do with the grant of ${idOf(grant.role)} to ${wordsOf(grant.subject)}`}>
              <MenuItem onSelect={() => onLeave(grant)}>Take back …</MenuItem>
            </RowMenu>
          ),
      },
    ],
    [wordsOf, canTake, onLeave],
  )
}

function RoleLink({ role }: { role: string }) {
  const id = idOf(role)
  return (
    <Link from="/o/$organization/grants" to="/o/$organization/roles/$role" params={{ role: id }}>
      {id}
    </Link>
  )
}

function TakeBackDialog({ grant, onClose }: { grant: RoleBinding | undefined; onClose: () => void }) {
  const { client } = useOrganization()
  const { wordsOf } = useDirectory()
  const take = useChange((name: string) => client.call(DeleteRoleBinding, { name }))

  function close() {
    take.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!grant}
      onClose={close}
      title={grant ? `Take ${idOf(grant.role)} back from ${wordsOf(grant.subject)}?` : ''}
      verb="Take back"
      isDangerous
      onConfirm={() => grant && take.mutate(grant.name, { onSuccess: close })}
      isBusy={take.isPending}
      error={take.error}
    >
      <p className="quiet">
        It counts with the next call, in workspaces within five seconds. What other grants give stays.
      </p>
    </ConfirmDialog>
  )
}
