import { DeleteStack, type Stack, UpdateStack, ValidateStack } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { DeleteDialog } from '@/app/DeleteDialog'
import { useStack } from '@/app/infrastructure'
import { useProject } from '@/app/project'
import { useMayInWorkspace, useWorkspaceChange } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Labels } from '@/ui/Labels'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { Drawn } from './Drawn'
import { Report } from './Report'
import { StackDialog } from './StackDialog'
import css from './stacks.module.css'

const route = getRouteApi('/w/$workspace/stacks/$stack')

/** One stack: its components drawn, and whether they work. */
export function StackPage() {
  const { stack: id } = route.useParams()
  const stack = useStack(id)
  useTitle(stack.data?.displayName || id, 'Stacks')
  if (stack.error && !stack.data) return <ErrorPage error={stack.error} onRetry={() => stack.refetch()} />
  if (!stack.data) return <p className={css.loading}>Reading the stack …</p>
  return <Loaded stack={stack.data} />
}

function Loaded({ stack }: { stack: Stack }) {
  const { client } = useProject()
  const { name } = stack
  const trial = useMutation({ mutationFn: () => client.call(ValidateStack, { name }) })
  const title = (
    <span className={css.title}>
      {stack.displayName || idOf(name)}
      {stack.workspaceDefault && <span className={css.default}>Default</span>}
    </span>
  )
  return (
    <>
      <PageHead title={title} actions={<Actions stack={stack} trial={trial} />}>
        <Crumbs>
          <Link from={route.id} to="/w/$workspace/stacks">
            Stacks
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {stack.description && <p className={css.description}>{stack.description}</p>}
        <Facts>
          <Fact label="Serves runs without a stack">{stack.workspaceDefault ? 'Yes' : 'No'}</Fact>
          <Fact label="Made">
            <Ago time={stack.createTime} />
          </Fact>
          <Fact label="Changed">
            <Ago time={stack.updateTime ?? stack.createTime} />
          </Fact>
          {Object.keys(stack.labels).length > 0 && (
            <Fact label="Labels">
              <Labels labels={stack.labels} />
            </Fact>
          )}
        </Facts>
      </PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label="Components of the stack">
        <Report of={trial} />
        <section className={css.part}>
          <h2>Components</h2>
          <Drawn stack={stack} />
        </section>
      </div>
    </>
  )
}

type ActionProps = { stack: Stack; trial: { mutate: () => void; isPending: boolean } }

function Actions({ stack, trial }: ActionProps) {
  const { client, key } = useProject()
  const may = useMayInWorkspace()
  const navigate = route.useNavigate()
  const [wish, setWish] = useState<'edit' | 'delete'>()
  const { name, etag } = stack
  const serve = useWorkspaceChange((_: undefined) =>
    client.call(UpdateStack, {
      stack: { name, etag, workspaceDefault: true },
      updateMask: 'workspaceDefault',
    }),
  )
  const close = () => setWish(undefined)
  return (
    <>
      {serve.error && <Note kind="bad" error={serve.error} />}
      {may('stacks.delete') && (
        <Button kind="danger" onClick={() => setWish('delete')}>
          Delete
        </Button>
      )}
      {may('stacks.update') && !stack.workspaceDefault && (
        <Button isBusy={serve.isPending} onClick={() => serve.mutate(undefined)}>
          Make it the default
        </Button>
      )}
      {may('stacks.update') && <Button onClick={() => setWish('edit')}>Edit</Button>}
      {may('stacks.validate') && (
        <Button kind="primary" isBusy={trial.isPending} onClick={() => trial.mutate()}>
          Try it
        </Button>
      )}
      <StackDialog isOpen={wish === 'edit'} onClose={close} stack={stack} />
      <DeleteDialog
        isOpen={wish === 'delete'}
        onClose={close}
        onDone={() => void navigate({ to: '/w/$workspace/stacks' })}
        what={`the stack ${idOf(name)}`}
        scope={key}
        item={['item', name]}
        remove={() => client.call(DeleteStack, { name, etag })}
      />
    </>
  )
}
