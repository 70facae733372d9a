import { expect, test } from "vitest";
import { maxWidth, tooWide } from "./width.ts";

const words = "word ".repeat(maxWidth / 5);
const address = `https://example.com/${"a".repeat(maxWidth)}`;

test.each([
  ["a comment", "a.ts", `// ${words}`],
  ["a comment behind code", "a.ts", `const a = 1; // ${words}`],
  ["a docstring of one line", "a.ts", `/** ${words} */`],
  ["a line of a docstring", "a.ts", `/**\n * ${words}\n */`],
  ["a comment of a configuration", ".a.jsonc", `  // ${words}`],
  ["a comment of Prisma's schema", "a.prisma", `/// ${words}`],
  ["a paragraph", "a.md", `${words}x`],
  ["an item of a list", "a.md", `- ${words}`],
  ["a description", "a.graphql", `"""\n${words}x\n"""`],
])("%s that is too wide is found", (_, path, text) => {
  expect(tooWide(path, text)).toHaveLength(1);
});

test.each([
  ["a comment as wide as allowed", "a.ts", `// ${"a ".repeat(58)}b`],
  ["code", "a.ts", `const a = "${words}${words}";`],
  ["an address", "a.ts", `// ${address}`],
  ["a code span", "a.md", `- \`${words}${words}\``],
  ["a table", "a.md", `| ${words} |`],
  ["a code block", "a.md", `\`\`\`sh\n${words}${words}\n\`\`\``],
  ["fields", "a.graphql", `"""Short."""\ntype A { ${words} }`],
])("%s is not", (_, path, text) => {
  expect(tooWide(path, text)).toEqual([]);
});
