import { DeleteSecret, type Secret, UpdateSecret } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useSecret } from '@/app/credentials'
import { DeleteDialog } from '@/app/DeleteDialog'
import { useProject } from '@/app/project'
import { useMayInWorkspace, useWorkspaceChange } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Labels } from '@/ui/Labels'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { Keys } from './Keys'
import { wordOfScope } from './SecretsPage'
import css from './secrets.module.css'
import { UsersOf } from './UsersOf'

const route = getRouteApi('/w/$workspace/secrets/$secret')

/** One secret: its keys, who uses it, and the ways to change its values. */
export function SecretPage() {
  const { secret: id } = route.useParams()
  const secret = useSecret(id)
  useTitle(secret.data?.displayName || id, 'Secrets')
  if (secret.error && !secret.data) return <ErrorPage error={secret.error} onRetry={() => secret.refetch()} />
  if (!secret.data) return <p className={css.loading}>Reading the secret …</p>
  return <Loaded secret={secret.data} />
}

function Loaded({ secret }: { secret: Secret }) {
  const { name, displayName, description, labels, projects } = secret
  return (
    <>
      <PageHead title={displayName || idOf(name)} actions={<Actions secret={secret} />}>
        <Crumbs>
          <Link from={route.id} to="/w/$workspace/secrets">
            Secrets
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {description && <p className={css.description}>{description}</p>}
        <Facts>
          <Fact label="Who knows of it">{wordOfScope(secret)}</Fact>
          {projects.length > 0 && (
            <Fact label="For runs of">{projects.map((project) => idOf(project)).join(', ')}</Fact>
          )}
          <Fact label="Made">
            <Ago time={secret.createTime} />
          </Fact>
          <Fact label="Changed">
            <Ago time={secret.updateTime ?? secret.createTime} />
          </Fact>
          {Object.keys(labels).length > 0 && (
            <Fact label="Labels">
              <Labels labels={labels} />
            </Fact>
          )}
        </Facts>
      </PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label="The secret">
        <section className={css.part}>
          <h2>Keys</h2>
          <Keys secret={secret} />
        </section>
        <section className={css.part}>
          <h2>Used by</h2>
          <UsersOf secret={name} />
        </section>
      </div>
    </>
  )
}

function Actions({ secret }: { secret: Secret }) {
  const { client, key } = useProject()
  const may = useMayInWorkspace()
  const navigate = route.useNavigate()
  const [wish, setWish] = useState<'edit' | 'delete'>()
  const { name, etag } = secret
  return (
    <>
      {may('secrets.delete') && (
        <Button kind="danger" onClick={() => setWish('delete')}>
          Delete
        </Button>
      )}
      {may('secrets.update') && <Button onClick={() => setWish('edit')}>Edit</Button>}
      <EditDialog secret={secret} isOpen={wish === 'edit'} onClose={() => setWish(undefined)} />
      <DeleteDialog
        isOpen={wish === 'delete'}
        onClose={() => setWish(undefined)}
        onDone={() => void navigate({ to: '/w/$workspace/secrets' })}
        what={`the secret ${idOf(name)}`}
        scope={key}
        item={['item', name]}
        remove={() => client.call(DeleteSecret, { name, etag })}
      />
    </>
  )
}

type EditProps = { secret: Secret; isOpen: boolean; onClose: () => void }

/** What people say of it; its values are changed key by key. */
function EditDialog({ secret: now, isOpen, onClose }: EditProps) {
  const secret = useWhenOpened(isOpen, now)
  const { client } = useProject()
  const { name, etag } = secret
  const save = useWorkspaceChange((given: FormData) =>
    client.call(UpdateSecret, {
      secret: { name, etag, ...commonOf(given) },
      updateMask: 'displayName,description',
    }),
  )
  function close() {
    save.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Edit ${idOf(name)}`}
      verb="Save"
      onConfirm={(given) => save.mutate(given, { onSuccess: close })}
      isBusy={save.isPending}
      error={save.error}
    >
      <CommonFields of={secret} error={save.error} noun="secret" />
    </ConfirmDialog>
  )
}
