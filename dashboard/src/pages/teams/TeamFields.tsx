import type { Team } from '@contract/controlplane'
import { Field } from '@/ui/Field'

/** What people may say of a team. */
export function TeamFields({ team }: { team?: Team }) {
  return (
    <>
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={team?.displayName}
        autoComplete="off"
      />
      <Field
        label="What for"
        name="description"
        maxLength={1024}
        defaultValue={team?.description}
        autoComplete="off"
      />
    </>
  )
}

export function textsOf(form: FormData): Pick<Team, 'displayName' | 'description'> {
  return { displayName: String(form.get('displayName')), description: String(form.get('description')) }
}
