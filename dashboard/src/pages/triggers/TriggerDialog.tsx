import type { Json, JsonValue } from '@contract/method'
import { CreateTrigger, type Trigger, UpdateTrigger } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { problemsOf } from '@/api/problems'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { RunsField, runsIn } from '@/app/RunsField'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { JsonField } from '@/ui/JsonField'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { OccurrenceFields } from './OccurrenceFields'
import { occurrenceOf } from './occurrenceForm'

const PARAMETERS = {
  description: 'By name. A part of what happened is {"commit": "{{event.payload.after}}"}.',
}

type Props = {
  isOpen: boolean
  onClose: () => void
  /** The one to change; a new one where absent. */
  trigger?: Trigger
}

/** Makes a trigger, or changes what one waits for and does: from then on it acts for who did that. */
export function TriggerDialog(props: Props) {
  // Each time anew: what was typed before, or changed meanwhile, is not mixed in.
  return props.isOpen && <Opened {...props} />
}

function Opened({ isOpen, onClose, trigger: now }: Props) {
  const trigger = useWhenOpened(isOpen, now)
  const [parameters, setParameters] = useState<JsonValue | undefined>(trigger?.parameters)
  const save = useSave(trigger)
  const problems = problemsOf(save.error)
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={onClose}
      title={trigger ? `Edit ${idOf(trigger.name)}` : 'Create a trigger'}
      verb={trigger ? 'Save' : 'Create'}
      onConfirm={(form) => save.mutate({ form, parameters }, { onSuccess: onClose })}
      isBusy={save.isPending}
      error={save.error}
    >
      <CommonFields of={trigger} error={save.error} noun="trigger" />
      <OccurrenceFields of={trigger?.occurrence} problems={problems} />
      <RunsField of={trigger} />
      <JsonField
        schema={PARAMETERS}
        label="Parameters"
        path="trigger.parameters"
        value={parameters}
        onChange={setParameters}
        problems={problems}
        isRequired={false}
      />
    </ConfirmDialog>
  )
}

function useSave(trigger: Trigger | undefined) {
  const { client, name: parent } = useProject()
  type Wish = { form: FormData; parameters: JsonValue | undefined }
  return useMutation({
    mutationFn: ({ form, parameters }: Wish) => {
      const runs = runsIn(form)
      const said = {
        ...commonOf(form),
        occurrence: occurrenceOf(form, parent),
        parameters: (parameters ?? {}) as Json,
        ...runs,
      }
      if (!trigger)
        return client.call(CreateTrigger, { parent, triggerId: String(form.get('id')), trigger: said })
      const { name, etag } = trigger
      const updateMask = Object.keys(said).join(',')
      return client.call(UpdateTrigger, { trigger: { name, etag, ...said }, updateMask })
    },
  })
}
