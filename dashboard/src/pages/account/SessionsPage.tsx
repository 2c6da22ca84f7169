import { ListSessions, RevokeAllSessions, RevokeSession, type Session } from '@contract/controlplane'
import { Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { usePaged } from '@/app/usePaged'
import { Button } from '@/ui/Button'
import { clientInWords } from '@/ui/browsers'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { EmptyState } from '@/ui/EmptyState'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { useTitle } from '@/ui/useTitle'
import { client, ME, useAccountChange, useAccountKey } from './account'
import css from './account.module.css'
import { columnsOf } from './sessionColumns'

const keyOf = (session: Session) => session.name
/** One session, or all but this browser's. */
type Wish = Session | 'others'

/** Where one is signed in, and how to sign out there. */
export function SessionsPage() {
  const [wish, setWish] = useState<Wish>()
  const list = useSessions()
  const columns = useMemo(() => columnsOf(setWish), [])
  const isElsewhere = list.items.some(({ current }) => !current)
  useTitle('Sessions')
  const actions = (
    <>
      <Link to="/device" className={css.asLink}>
        Sign a device in
      </Link>
      {isElsewhere && <Button onClick={() => setWish('others')}>Sign out everywhere else</Button>}
    </>
  )
  return (
    <>
      <PageHead title="Sessions" actions={actions} />
      <PagedTable
        label="Sessions"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={<EmptyState icon="user" title="Nobody is signed in as you" command="weft login" />}
      />
      <EndDialog wish={wish} onClose={() => setWish(undefined)} />
    </>
  )
}

function useSessions() {
  const key = useAccountKey()
  const read = useCallback(async (pageToken: string, signal: AbortSignal) => {
    const page = await client.call(ListSessions, { parent: ME, pageSize: 500, pageToken }, { signal })
    return { items: page.sessions, nextPageToken: page.nextPageToken }
  }, [])
  return usePaged([...key, 'sessions'], read)
}

function EndDialog({ wish, onClose }: { wish: Wish | undefined; onClose: () => void }) {
  const end = useAccountChange(async (ended: Wish) => {
    if (ended === 'others') await client.call(RevokeAllSessions, { parent: ME, keepCurrent: true })
    else await client.call(RevokeSession, { name: ended.name })
  })

  function close() {
    end.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={wish === 'others' ? 'Sign out everywhere else?' : 'Sign out there?'}
      verb="Sign out"
      isDangerous
      onConfirm={() => wish && end.mutate(wish, { onSuccess: close })}
      isBusy={end.isPending}
      error={end.error}
    >
      <p className="quiet">
        {wish === 'others' ? 'Every session but this one' : clientInWords(wish?.client ?? '')} ends at once,
        in workspaces within five seconds. Access tokens live on.
      </p>
    </ConfirmDialog>
  )
}
