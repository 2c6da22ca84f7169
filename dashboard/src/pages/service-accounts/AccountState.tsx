import type { ServiceAccount } from '@contract/controlplane'
import { Mark } from '@/ui/Mark'

export function AccountState({ account }: { account: ServiceAccount }) {
  if (account.disableTime) return <Mark word="Disabled" icon="square" tone="mute" />
  return <Mark word="Active" icon="check" tone="good" />
}
