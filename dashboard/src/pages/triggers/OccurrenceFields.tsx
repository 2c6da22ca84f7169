import { ListArtifacts, ListModels, ListPipelines, ListWebhooks, type Occurrence } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Problems } from '@/api/problems'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { Choices } from '@/ui/Choices'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { Suggested } from '@/ui/Suggested'
import { kindIn, OCCURRENCES, type OccurrenceKind, STAGES, STATES, subjectIn } from './occurrenceForm'

const SUBJECTS: Record<OccurrenceKind, { label: string; hint: string }> = {
  run: { label: 'Pipeline', hint: 'Runs of every pipeline where none is named.' },
  model: { label: 'Model', hint: 'It may come into being later.' },
  artifact: { label: 'Artifact', hint: 'It may come into being later.' },
  webhook: { label: 'Webhook', hint: 'The address at which it is told.' },
}

type Props = { of: Occurrence | undefined; problems: Problems }

/** What a trigger waits for: what kind of thing happens, to what, and which of it counts. */
export function OccurrenceFields({ of, problems }: Props) {
  const [kind, setKind] = useState(kindIn(of))
  const proposals = useProposals(kind)
  // What was filled in for one kind means nothing to another.
  const now = kind === kindIn(of) ? of : undefined
  return (
    <>
      <Select
        label="After"
        name="after"
        value={kind}
        onChange={({ target }) => setKind(target.value as OccurrenceKind)}
        choices={OCCURRENCES}
      />
      <Suggested
        key={kind}
        {...SUBJECTS[kind]}
        name="subject"
        defaultValue={subjectIn(now)}
        proposals={proposals}
        maxLength={128}
        required={kind !== 'run'}
      />
      {kind === 'run' && (
        <Choices
          label="When it is"
          name="states"
          choices={STATES}
          chosen={now?.run?.states ?? ['RUN_STATE_SUCCEEDED']}
        />
      )}
      {kind === 'model' && (
        <Choices
          label="When a version enters"
          hint="Each new version counts where no stage is chosen."
          name="stages"
          choices={STAGES}
          chosen={now?.model?.stages ?? []}
        />
      )}
      {kind === 'webhook' && <MessageFields of={now?.webhook} problems={problems} />}
    </>
  )
}

type MessageProps = { of: Occurrence['webhook'] | undefined; problems: Problems }

function MessageFields({ of, problems }: MessageProps) {
  return (
    <>
      <Field
        label="Events"
        name="eventTypes"
        defaultValue={of?.eventTypes.join(', ')}
        hint="In the sender’s words: push, release. Every one where none is named."
        autoComplete="off"
      />
      <Field
        label="Where"
        name="filter"
        maxLength={2048}
        defaultValue={of?.filter}
        hint={'What must hold of the message: event.payload.ref = "refs/heads/main"'}
        problem={problems.get('trigger.occurrence.webhook.filter')}
        autoComplete="off"
        spellCheck={false}
      />
    </>
  )
}

/** What there is already to wait for, by its id. */
function useProposals(kind: OccurrenceKind): string[] {
  const { client, key, name: parent } = useProject()
  const known = useQuery({
    queryKey: [...key, 'awaitable', kind],
    queryFn: async ({ signal }): Promise<{ name: string }[]> => {
      const request = { parent, pageSize: 200 }
      if (kind === 'model') return (await client.call(ListModels, request, { signal })).models
      if (kind === 'artifact') return (await client.call(ListArtifacts, request, { signal })).artifacts
      if (kind === 'webhook') return (await client.call(ListWebhooks, request, { signal })).webhooks
      return (await client.call(ListPipelines, request, { signal })).pipelines
    },
  })
  return known.data?.map(({ name }) => idOf(name)) ?? []
}
