import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

const SERVER = 'http://127.0.0.1:7860'

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: '../src/figment/server/page',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the server's policy takes styles and scripts from files alone
  },
  server: { proxy: { '/api': SERVER, '/health': SERVER } },
})
