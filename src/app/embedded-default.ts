/** What runs without a configuration file: two modules that work at once, for the owner of the first key. */
export const embeddedDefault = `
modules:
  example: {}
  scratch: {}
access:
  - role: owner
    allow: ["example:*", "scratch:*", "admin:*"]
`;
