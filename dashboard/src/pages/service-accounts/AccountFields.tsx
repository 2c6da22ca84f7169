import type { ServiceAccount } from '@contract/controlplane'
import { Field } from '@/ui/Field'

/** What people say of an account. */
export function AccountFields({ account }: { account?: ServiceAccount }) {
  return (
    <>
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={account?.displayName}
        autoComplete="off"
      />
      <Field
        label="What for"
        name="description"
        maxLength={4096}
        defaultValue={account?.description}
        autoComplete="off"
      />
    </>
  )
}

export function textsOf(form: FormData) {
  return { displayName: String(form.get('displayName')), description: String(form.get('description')) }
}
