/** Tweets that try to be more than text. */
export const HOSTILE = [
  '<script>window.hacked = 1</script>',
  '</script><script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 1">',
  '<a href="javascript:window.hacked=1">click</a>',
  '"><svg onload=window.hacked=1>',
  '=HYPERLINK("http://evil.example","x")',
  '\u202eevil\u202c مرحبا بالعالم',
  '{{ 7 * 7 }} %{x} <!-- -->',
  '\u001b[31mred\u001b[0m\u0007',
  "'; DROP TABLE gold; --",
] as const

/** HTML in which any mark-up of a tweet would stand out: what the tables and figures write themselves is taken away. */
export function foreignMarkup(html: string): string[] {
  return [...html.matchAll(/<\/?(script|img|a|svg|iframe|object)\b[^>]*>/gi)].map(match => match[0])
}
