import { GetOrganization, type Organization, UpdateOrganization } from '@contract/controlplane'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { idOf } from '@/api/session'
import { useChange, useMayHere, useOrganization } from '@/app/organization'
import { Button } from '@/ui/Button'
import { ErrorPage } from '@/ui/ErrorPage'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import table from '@/ui/table.module.css'
import { exact } from '@/ui/times'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'
import css from './settings.module.css'

/** What an organization says of itself. */
export function SettingsPage() {
  const { client, name, key } = useOrganization()
  const organization = useQuery({
    queryKey: [...key, 'itself'],
    queryFn: ({ signal }) => client.call(GetOrganization, { name }, { signal }),
  })
  useTitle('Settings')
  if (organization.error && !organization.data)
    return <ErrorPage error={organization.error} onRetry={organization.refetch} />
  if (!organization.data) return <p className={table.aside}>Reading …</p>
  return <Shown organization={organization.data} />
}

function Shown({ organization }: { organization: Organization }) {
  const may = useMayHere()
  const { name, uid, createTime } = organization
  return (
    <>
      <PageHead title="Settings" />
      <div className={css.body}>
        {may('organizations.update') && <NameForm key={organization.etag} organization={organization} />}
        <Values
          values={{
            Name: may.isKnown && !may('organizations.update') ? organization.displayName : undefined,
            Id: <span className="mono">{idOf(name)}</span>,
            UUID: <span className="mono">{uid}</span>,
            Made: createTime && exact(createTime),
          }}
        />
      </div>
    </>
  )
}

function NameForm({ organization: { name, displayName, etag } }: { organization: Organization }) {
  const { client } = useOrganization()
  const queries = useQueryClient()
  const save = useChange(async (wanted: string) => {
    const organization = { name, etag, displayName: wanted }
    await client.call(UpdateOrganization, { organization, updateMask: 'displayName' })
    // The name stands in the side bar, too.
    await queries.invalidateQueries({ queryKey: ['session'] })
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    save.mutate(String(new FormData(event.currentTarget).get('displayName')).trim())
  }

  return (
    <form className={css.form} onSubmit={submit}>
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={displayName}
        autoComplete="off"
        required
      />
      {save.error && <Note kind="bad" error={save.error} />}
      <div>
        <Button kind="primary" type="submit" isBusy={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  )
}
