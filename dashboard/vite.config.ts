import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  // Addresses relative to <base href>, so that one build serves under any path.
  base: './',
  plugins: [react()],
  resolve: { alias: { '@contract': at('../generated/typescript'), '@': at('src') } },
  build: {
    outDir: at('../gateway/dashboard'),
    emptyOutDir: true,
    target: 'es2022',
    // Inlined as data: addresses, small files would need a laxer policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  // How fast they are is no question for a test: another machine is slower, or busy.
  test: { include: ['src/**/*.test.ts'], testTimeout: 120_000 },
})
