// The two pictures of the README: the consent page with one box ticked, and the app that reads exactly that box.

import { mkdir, stat } from "node:fs/promises";
import { openBrowser } from "./browser.js";
import { ADA, startDemo } from "./demo.js";
import { IMAGES } from "./places.js";
import { allow, arriveAt, askWithMailroom, tickBoxes } from "./steps.js";

const MAX_BYTES = 150_000;
const MARGIN = 16;

export async function takePictures() {
  await mkdir(IMAGES, { recursive: true });
  const demo = await startDemo("pictures");
  const closers = [];
  try {
    const options = { viewport: { width: 900, height: 720 }, colorScheme: "light", reducedMotion: "reduce" };
    const { page } = await openBrowser({ closers, suite: "pictures", name: "pictures" }, options);
    await askWithMailroom(page, demo, ADA);
    await tickBoxes(page, ["box-1"]);
    // Away from the boxes, so that none looks as if it were meant.
    await page.mouse.move(0, 0);
    await take(page, "consent", { fullPage: true });
    await allow(page);
    await arriveAt(page, demo.mailroom);
    await page.setViewportSize({ width: 1100, height: 720 });
    const box = await page.locator("#box-1").boundingBox();
    await take(page, "demo", { clip: { x: 0, y: 0, width: 1100, height: Math.ceil(box.y + box.height + MARGIN) } });
  } finally {
    for (const closer of closers) await closer.close();
    await demo.end();
  }
}

async function take(page, name, options) {
  const path = `${IMAGES}/${name}.png`;
  await page.screenshot({ path, ...options });
  const { size } = await stat(path);
  console.log(`docs/images/${name}.png: ${size} bytes`);
  if (size > MAX_BYTES) throw new Error(`${name}.png is larger than ${MAX_BYTES} bytes`);
}
