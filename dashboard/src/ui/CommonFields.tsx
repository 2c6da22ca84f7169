import { problemsOf } from '@/api/problems'
import { Field } from './Field'

type Props = {
  /** What is changed; a new one where absent. */
  of: { displayName: string; description: string } | undefined
  error: Error | null
  /** What it is called in the contract: "stack". */
  noun: string
}

/** What everything in a workspace has: an id, a name, and what it is for. */
export function CommonFields({ of, error, noun }: Props) {
  const problems = problemsOf(error)
  return (
    <>
      {!of && (
        <Field
          label="Id"
          name="id"
          pattern="[a-z]([a-z0-9\-]*[a-z0-9])?"
          maxLength={63}
          hint="Small letters, digits and dashes; it never changes."
          autoComplete="off"
          spellCheck={false}
          problem={problems.get(`${noun}_id`)}
          required
        />
      )}
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={of?.displayName}
        problem={problems.get(`${noun}.display_name`)}
        autoComplete="off"
      />
      <Field
        label="What for"
        name="description"
        maxLength={4096}
        defaultValue={of?.description}
        problem={problems.get(`${noun}.description`)}
        autoComplete="off"
      />
    </>
  )
}

export function commonOf(given: FormData): { displayName: string; description: string } {
  return {
    displayName: String(given.get('displayName')).trim(),
    description: String(given.get('description')).trim(),
  }
}
