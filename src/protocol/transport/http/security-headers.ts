/**
 * What every answer says to browsers: nothing here is a page, may be framed, guessed at, embedded or kept. Pages bring
 * a policy of their own. `x-xss-protection: 0` switches off a filter of old browsers that could itself be attacked.
 */
export const securityHeaders: Readonly<Record<string, string>> = Object.freeze({
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-xss-protection': '0',
});

/** The same for answers over TLS: one year, with all names below (RFC 6797). */
export const secureHeaders: Readonly<Record<string, string>> = Object.freeze({
  ...securityHeaders,
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
});
