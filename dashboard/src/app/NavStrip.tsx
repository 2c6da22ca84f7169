import { useLocation } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef } from 'react'
import css from './shell.module.css'

/** The pages of a place: one below the other, or beside each other on phones, where the one that is shown is in sight. */
export function NavStrip({ label, children }: { label: string; children: ReactNode }) {
  const ref = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: which one is shown changes with the address.
  useEffect(() => {
    ref.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [pathname])
  return (
    <nav ref={ref} aria-label={label} className={css.nav}>
      {children}
    </nav>
  )
}
