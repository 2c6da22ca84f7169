import { useEffect } from 'react'

/** The title of the tab; pages name the nearest thing first. */
export function useTitle(...parts: string[]): void {
  const title = [...parts, 'Weft'].filter(Boolean).join(' · ')
  useEffect(() => {
    document.title = title
  }, [title])
}
