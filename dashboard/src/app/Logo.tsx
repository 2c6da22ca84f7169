export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false">
      <g stroke="var(--accent)" strokeWidth="2.6" strokeLinecap="round">
        <path d="M4 17c4 0 4-10 8-10s4 10 8 10" strokeOpacity=".45" />
        <path d="M4 7c4 0 4 10 8 10s4-10 8-10" />
      </g>
    </svg>
  )
}
