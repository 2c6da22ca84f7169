import { Field } from '@/ui/Field'
import { SecretArea } from '@/ui/SecretArea'

/** A key and its value; `number` tells several apart. */
export function KeyFields({ number }: { number?: number | undefined }) {
  const which = number ? ` ${number}` : ''
  return (
    <>
      <Field
        label={`Key${which}`}
        name="key"
        pattern="[A-Za-z0-9_\-]{1,128}"
        maxLength={128}
        hint="Letters, digits, _ and -."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <SecretArea label={`Value${which}`} name="value" maxLength={24_000} required />
    </>
  )
}
