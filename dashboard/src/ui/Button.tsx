import type { AnchorHTMLAttributes, ButtonHTMLAttributes } from 'react'
import css from './button.module.css'

type Kind = 'plain' | 'primary' | 'danger' | 'quiet'
type Size = 'small' | 'normal'
type Look = { kind?: Kind; size?: Size }

function look({ kind = 'plain', size = 'normal' }: Look, extra = ''): string {
  return [css.button, css[kind], css[size], extra].join(' ')
}

type Props = ButtonHTMLAttributes<HTMLButtonElement> & Look & { isBusy?: boolean }

export function Button({ kind, size, isBusy, className, type = 'button', disabled, ...rest }: Props) {
  return (
    <button
      type={type}
      className={look({ kind, size }, className)}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
      {...rest}
    />
  )
}

export function ButtonLink({
  kind,
  size,
  className,
  ...rest
}: AnchorHTMLAttributes<HTMLAnchorElement> & Look) {
  return <a className={look({ kind, size }, className)} {...rest} />
}
