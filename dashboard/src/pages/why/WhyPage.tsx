import { type EffectivePermissions, GetEffectivePermissions } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { useMayHere, useOrganization } from '@/app/organization'
import { PlaceField, SubjectField } from '@/app/SubjectField'
import { subjectOf } from '@/app/subjects'
import { useCatalogue } from '@/app/useRoles'
import { Button } from '@/ui/Button'
import { ErrorPage } from '@/ui/ErrorPage'
import { PageHead } from '@/ui/Page'
import { Suggested } from '@/ui/Suggested'
import { useTitle } from '@/ui/useTitle'
import { Answer } from './Answer'
import css from './why.module.css'

const route = getRouteApi('/o/$organization/why')

/** Who can do what, and why: asked of whoever decides. */
export function WhyPage() {
  const { name } = useOrganization()
  const { who = '', where = name, what = '' } = route.useSearch()
  useTitle('Who may what, and why')
  return (
    <>
      <PageHead title="Who may what, and why">
        <Question key={`${who} ${where} ${what}`} who={who} where={where} what={what} />
      </PageHead>
      <Answered who={who} where={where} what={what} />
    </>
  )
}

type Asked = { who: string; where: string; what: string }

function Question({ who, where, what }: Asked) {
  const navigate = route.useNavigate()
  const catalogue = useCatalogue()
  const may = useMayHere()
  const verbs = (catalogue.data ?? []).map(({ permission }) => permission)

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const text = (field: string) => String(form.get(field) ?? '').trim() || undefined
    void navigate({ search: { who: text('who'), where: text('where'), what: text('what') } })
  }

  return (
    <form className={css.question} onSubmit={submit}>
      {may('roleBindings.list') && (
        <SubjectField
          label="Who"
          name="who"
          defaultValue={who}
          hint="An address, team:id or sa:id; yourself where it is empty."
        />
      )}
      <PlaceField label="Where" name="where" defaultValue={where} required />
      <Suggested
        label="What"
        name="what"
        defaultValue={what}
        proposals={verbs}
        hint="A permission, such as runs.stop; all where it is empty."
      />
      <Button kind="primary" type="submit">
        Ask
      </Button>
    </form>
  )
}

function Answered({ who, where, what }: Asked) {
  const answer = useAnswer({ who, where, what })
  if (answer.error) return <ErrorPage error={answer.error} onRetry={answer.refetch} />
  if (!answer.data) return <p className={css.asking}>Asking …</p>
  return <Answer who={who || 'You'} what={what} answer={answer.data} />
}

function useAnswer({ who, where, what }: Asked) {
  const { client, name, key } = useOrganization()
  return useQuery<EffectivePermissions>({
    queryKey: [...key, 'why', who, where, what],
    queryFn: async ({ signal }) => {
      const subject = who && (await subjectOf(client, name, who))
      const request = { resource: where, subject, permissions: what ? [what] : [] }
      return client.call(GetEffectivePermissions, request, { signal })
    },
    // Somebody decides on it: it is asked anew each time.
    staleTime: 0,
  })
}
