// The pictures of the README and the guides: the consent page with one box ticked, the app that reads exactly that box, and the page
// on which another box is taken back.

import { mkdir, stat } from "node:fs/promises";
import { PHONE, openBrowser } from "./browser.js";
import { ADA, GRACE, startDemo } from "./demo.js";
import { IMAGES } from "./places.js";
import { allow, arriveAt, askWithMailroom, connectMailroom, seeAccess, tickBoxes } from "./steps.js";

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
    await takeBack(closers, demo, options);
  } finally {
    for (const closer of closers) await closer.close();
    await demo.end();
  }
}

// The page with one of two boxes unticked, down to the buttons of the app: once on a desk, and once in the dark.
async function takeBack(closers, demo, options) {
  const { page } = await openBrowser({ closers, suite: "pictures", name: "access" }, options);
  await connectMailroom(page, demo, GRACE, ["box-1", "box-2"]);
  await seeAccess(page, demo);
  await page.getByLabel("Box 2").uncheck();
  await page.mouse.move(0, 0);
  await takeFirstApp(page, "access", options.viewport);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize(PHONE);
  await takeFirstApp(page, "access_phone", PHONE);
}

async function takeFirstApp(page, name, { width }) {
  // What is measured is measured from the top of what is seen.
  await page.evaluate(() => globalThis.scrollTo(0, 0));
  const app = await page.locator("section[aria-labelledby=app_0]").boundingBox();
  await take(page, name, { clip: { x: 0, y: 0, width, height: Math.ceil(app.y + app.height + MARGIN) }, fullPage: true });
}

async function take(page, name, options) {
  const path = `${IMAGES}/${name}.png`;
  await page.screenshot({ path, ...options });
  const { size } = await stat(path);
  console.log(`docs/images/${name}.png: ${size} bytes`);
  if (size > MAX_BYTES) throw new Error(`${name}.png is larger than ${MAX_BYTES} bytes`);
}
