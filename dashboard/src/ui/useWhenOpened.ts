import { useState } from 'react'

/** What something was when a dialog opened: the form shows that, so that is what is saved over, or refused. */
export function useWhenOpened<T>(isOpen: boolean, item: T): T {
  const [kept, keep] = useState({ isOpen, item })
  if (kept.isOpen === isOpen) return isOpen ? kept.item : item
  keep({ isOpen, item })
  return item
}
